// Runs the scenarios with the TypeScript SDK and prints what it saw as one JSON object.
// Usage: node typescript_sdk_script.mjs BASE_URL MODEL. It prints the same keys as sdk_0x_script.py.
import Anthropic from "@anthropic-ai/sdk";

const [baseURL, model] = process.argv.slice(2);
const client = new Anthropic({ baseURL, apiKey: "test-key", maxRetries: 0, timeout: 20_000 });
const tools = [
  { name: "get_weather", input_schema: { type: "object", properties: { city: { type: "string" } } } },
  { name: "list_cities", input_schema: { type: "object", properties: {} } },
];
const thinking = { type: "enabled", budget_tokens: 1024 };

const ask = (scenario, more = {}) => ({
  model,
  max_tokens: 2048,
  messages: [{ role: "user", content: `scenario ${scenario}` }],
  ...more,
});
const stream = (scenario, more) => client.messages.stream(ask(scenario, more)).finalMessage();
const usage = ({ usage: found }) => [
  found.input_tokens,
  found.output_tokens,
  found.cache_read_input_tokens,
  found.cache_creation_input_tokens,
];
const calls = (message) =>
  message.content.filter((block) => block.type === "tool_use").map((block) => [block.id, block.name, block.input]);
const thoughts = ({ content: [first, second] }) => [first.thinking, first.signature, second.text];

async function failure(scenario) {
  try {
    await client.messages.create(ask(scenario));
    return [];
  } catch (error) {
    return [error.constructor.name, error.status, error.error?.error?.type];
  }
}

async function raises(scenario) {
  try {
    await stream(scenario);
    return false;
  } catch (error) {
    return error instanceof Anthropic.AnthropicError;
  }
}

const text = await client.messages.create(ask("text"));
const streamed = await stream("text");
const asked = await client.messages.create(ask("tools", { tools }));
const thought = await client.messages.create(ask("thinking", { thinking }));
const models = [];
for await (const found of client.models.list({ limit: 1 })) models.push(found.id);
const broken = await Promise.all(["broken", "cut", "ended"].map(raises));

console.log(
  JSON.stringify({
    text: text.content[0].text,
    text_usage: usage(text),
    text_stop: text.stop_reason,
    has_request_id: Boolean(text._request_id),
    stream_text: streamed.content[0].text,
    stream_usage: usage(streamed),
    tools: calls(asked),
    tools_stop: asked.stop_reason,
    stream_tools: calls(await stream("tools", { tools })),
    thinking: thoughts(thought),
    stream_thinking: thoughts(await stream("thinking", { thinking })),
    rate_limit: await failure("rate limit"),
    overloaded: (await failure("overloaded")).slice(1),
    refused: await failure("refused"),
    broken_streams_raise: broken.every(Boolean),
    count: (await client.messages.countTokens({ model, messages: ask("text").messages })).input_tokens,
    models,
  }),
);
