"""The smallest pieces of chat content: text parts, image parts, and the cache marker on them."""

from typing import Any

from openrouter_anthropic_server.conversion.chat_context import ChatContext, Json, Part


def text_part(text: str, cache_control: Any = None) -> Part:
    """A text part; `cache_control` is kept as it came (type and ttl), null counts as absent."""
    if cache_control:
        return {"type": "text", "text": text, "cache_control": cache_control}
    return {"type": "text", "text": text}


def mark_cached(parts: list[Part], block: Json) -> list[Part]:
    """The same list, with the block's `cache_control`, if any, on its last part."""
    marker = block.get("cache_control")
    if marker and parts:
        parts[-1]["cache_control"] = marker
    return parts


def image_source_part(source: Json, path: str, ctx: ChatContext) -> Part:
    """An `image_url` part from an image source: base64 as a data URL, a URL as it is."""
    kind = source["type"]
    if kind == "base64":
        url = f"data:{source['media_type']};base64,{source['data']}"
    elif kind == "url":
        url = source["url"]
    else:
        raise ctx.refusal(path, f"images with a source of type '{kind}'")
    return {"type": "image_url", "image_url": {"url": url}}
