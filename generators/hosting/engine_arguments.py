"""What may stand in a recipe entry's `engine`: vLLM's arguments, but for those that prefmill decides itself.

Source: `EngineArgs` of vLLM 0.26 to 0.33 (vllm/engine/arg_utils.py) and the options of `vllm serve`
(https://docs.vllm.ai/en/latest/cli/serve/).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

INSTEAD = {
    "model": "the recipe key is `model`",
    "served_model_name": "the recipe key is `name`",
    "tokenizer": "the recipe key is `tokenizer`",
    "dtype": "the recipe key is `dtype`",
    "quantization": "the recipe key is `quantization`",
    "max_model_len": "the recipe key is `max_model_len`",
    "gpu_memory_utilization": "the recipe key is `gpu_memory_utilization`",
    "tensor_parallel_size": "the recipe key is `gpus`",
    "data_parallel_size": "the recipe key is `replicas`",
    "enable_sleep_mode": "the recipe key is `sleep`",
    "chat_template": "the recipe key is `chat_template`",
    "structured_outputs_config": "the recipe key is `structured_outputs`",
    "enable_lora": "the recipe key is `adapter`",
    "lora_modules": "the recipe key is `adapter`",
    "pipeline_parallel_size": "a model is spread over `gpus` by tensor parallelism only",
    "prefill_context_parallel_size": "a model is spread over `gpus` by tensor parallelism only",
}
"""Arguments that are refused -> what to use in their place."""
OPERATIONAL = frozenset({
    # memory
    "block_size", "cpu_offload_gb", "cpu_offload_params", "enable_cumem_allocator", "fully_sharded_loras",
    "kv_cache_memory_bytes", "kv_offloading_backend", "kv_offloading_size", "max_cpu_loras", "max_lora_rank",
    "max_loras", "mm_processor_cache_gb", "mm_processor_cache_type", "num_gpu_blocks_override", "offload_backend",
    "offload_group_size", "offload_num_in_group", "offload_params", "offload_prefetch_step",
    # batching
    "async_scheduling", "disable_chunked_mm_input", "enable_chunked_prefill", "enable_prefix_caching",
    "long_prefill_token_threshold", "long_prefill_token_threshold_adaptive", "max_long_partial_prefills",
    "max_num_active_seqs", "max_num_batched_tokens", "max_num_partial_prefills", "max_num_queued_reqs",
    "max_num_queued_tokens", "max_num_scheduled_tokens", "max_num_seqs", "prefill_schedule_interval",
    "prefix_cache_retention_interval", "prefix_caching_hash_algo", "scheduler_reserve_full_isl", "scheduling_policy",
    "stream_interval",
    # how it is computed
    "all2all_backend", "attention_backend", "attention_config", "compilation_config", "cudagraph_capture_sizes",
    "dbo_decode_token_threshold", "dbo_prefill_token_threshold", "decode_context_parallel_size",
    "disable_cascade_attn", "disable_custom_all_reduce", "distributed_executor_backend", "enable_dbo", "enable_eplb",
    "enable_expert_parallel", "enable_flashinfer_autotune", "enforce_eager", "eplb_config",
    "expert_placement_strategy", "kernel_config", "linear_backend", "max_cudagraph_capture_size", "moe_backend",
    "numa_bind", "numa_bind_cpus", "numa_bind_nodes", "optimization_level", "performance_mode", "ubatch_size",
    # loading
    "cpu_distributed_timeout_seconds", "distributed_timeout_seconds", "download_dir", "hf_token",
    "max_parallel_loading_workers", "safetensors_load_strategy", "safetensors_prefetch_block_size",
    "safetensors_prefetch_num_threads", "shutdown_timeout", "use_tqdm_on_load",
    # the server's processes, logs, figures
    "aggregate_engine_logging", "api_server_count", "collect_detailed_traces", "cudagraph_metrics",
    "disable_frontend_multiprocessing", "disable_log_requests", "disable_log_stats", "enable_layerwise_nvtx_tracing",
    "enable_log_outputs", "enable_log_requests", "enable_logging_iteration_details", "enable_mfu_metrics",
    "kv_cache_metrics", "kv_cache_metrics_sample", "log_config_file", "log_level", "logging_config", "max_log_len",
    "otlp_traces_endpoint", "profiler_config", "renderer_num_workers", "show_hidden_metrics_for_version",
    "uvicorn_log_level",
})  # fmt: skip
"""Arguments that may change between two starts of a run. Any other, also one that prefmill does not know, may decide
what the model says (`revision`, `hf_overrides`, `override_generation_config`, `kv_cache_dtype`, …)."""


def other_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by vLLM's names, also where they are written as options (`max-num-seqs`).

    Raises `ValueError` for one that is not for here, or that is there twice.
    """
    found: dict[str, Any] = {}
    for name, value in given.items():
        outer, dot, inner = name.partition(".")  # `hf-overrides.key`: one entry of a mapping.
        plain = outer.replace("-", "_")
        if plain in INSTEAD:
            raise ValueError(f"{name} is not for here: {INSTEAD[plain]}")
        if plain + dot + inner in found:
            raise ValueError(f"{name} is there twice")
        found[plain + dot + inner] = value
    return found
