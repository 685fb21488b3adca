"""vLLM without prefmill: `LLM.chat` over each batch of requests that stands on standard input; what it answers is JSON
on the last line of standard output."""

import json
import os
import sys
from typing import Any

os.environ |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_NO_USAGE_STATS": "1"}

from vllm import LLM, SamplingParams
from vllm.sampling_params import StructuredOutputsParams

wanted = json.load(sys.stdin)
llm = LLM(
    wanted["model"],
    max_model_len=512,
    dtype="float32",
    enforce_eager=True,
    enable_chunked_prefill=False,
    structured_outputs_config={"backend": "guidance"},
    **wanted["engine"],
)
outputs: list[tuple[Any, Any]] = []
for batch in wanted["batches"]:
    messages, params = [], []
    for request in batch:
        messages.append([{"role": "user", "content": request.pop("text")}])
        if held := request.pop("structured_outputs", None):
            request["structured_outputs"] = StructuredOutputsParams(**held)
        if bias := request.pop("logit_bias", None):
            request["logit_bias"] = {int(token): value for token, value in bias.items()}
        params.append(SamplingParams(**request))
    outputs += zip(llm.chat(messages, params, use_tqdm=False), params, strict=True)
replies = []
for output, one in outputs:
    said = output.outputs[0]
    content = None
    if one.logprobs is not None:
        content = [
            {
                "token": step[token].decoded_token,
                "logprob": step[token].logprob,
                "top_logprobs": [
                    {"token": other.decoded_token, "logprob": other.logprob}
                    for other in list(step.values())[: one.logprobs]
                ],
            }
            for token, step in zip(said.token_ids, said.logprobs, strict=True)
        ]
    replies.append({
        "text": said.text,
        "finish": said.finish_reason,
        "prompt_tokens": len(output.prompt_token_ids),
        "completion_tokens": len(said.token_ids),
        "logprobs": content and {"content": content},
    })  # fmt: skip
sys.stdout.write(f"\n{json.dumps(replies)}\n")
