"""LiteLLM's own proxy as a contender: installed on demand in an environment of its own, with its versions locked."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.payloads import MODELS

_ROOT: Final = Path(__file__).resolve().parents[1]
_LOCK: Final = _ROOT / "benchmarks" / "requirements-litellm-proxy.lock"
_ENVIRONMENT: Final = _ROOT / "build" / "bench" / "litellm-proxy"

SETTINGS: Final = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
    "HF_HUB_OFFLINE": "1",
}
"""What its own documentation advises for production, and what keeps it from the network."""

_CONFIGURATION: Final = """\
model_list:
  - model_name: "{model}"
    litellm_params: {{model: "openrouter/{model}", api_base: "{base}", api_key: bench}}
litellm_settings: {{telemetry: false, set_verbose: false, request_timeout: 60}}
general_settings: {{dangerously_permit_weak_or_unset_master_key: true}}
"""


def installed_python() -> str:
    """The Python of its environment, which is made first if it is not there: that takes minutes."""
    python = _ENVIRONMENT / "bin" / "python"
    if not (_ENVIRONMENT / "bin" / "litellm").exists():
        print("installing LiteLLM's proxy (once) ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(_ENVIRONMENT)], check=True)
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--require-hashes"]
        subprocess.run([*pip, "-r", str(_LOCK)], check=True)
    return str(python)


def arguments(folder: Path, port: int, upstream: str) -> list[str]:
    """What its Python is to run, as one process: one model at `upstream`; its configuration lies in `folder`."""
    configuration = folder / "litellm.yaml"
    configuration.write_text(_CONFIGURATION.format(model=MODELS["chat"], base=f"{upstream}/v1"))
    options = ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1", "--telemetry", "False"]
    return [str(_ENVIRONMENT / "bin" / "litellm"), "--config", str(configuration), *options]
