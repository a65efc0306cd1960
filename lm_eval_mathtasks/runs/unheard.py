"""Names that a log has where it states how it was made, and that nobody here knows: what they say may matter."""

from collections.abc import Mapping

from lm_eval_mathtasks.runs.records import GENERATION

# Names that leave the answers as they are, or that a reader looks at, by the object of a log that has them.
_KNOWN: Mapping[str, str] = {
    # lm-eval 0.4: what its command was given, and what libraries wrote down of the weights
    "config": """
        model model_args model_num_parameters model_dtype model_revision model_sha peft_sha delta_sha
        batch_size batch_sizes device use_cache limit bootstrap_iters gen_kwargs random_seed numpy_seed
        torch_seed fewshot_seed fewshot_as_multiturn
    """,
    # ... and its configuration of a task
    "task": """
        task task_alias tag group group_alias class dataset_path dataset_name dataset_kwargs training_split
        validation_split test_split fewshot_split process_docs doc_to_text doc_to_target doc_to_choice
        process_results description target_delimiter fewshot_delimiter fewshot_config num_fewshot metric_list
        output_type generation_kwargs repeats filter_list should_decontaminate doc_to_decontamination_query
        gen_prefix metadata unsafe_code custom_dataset multiple_inputs multiple_targets
    """,
    # Inspect 0.3: the settings of an evaluation, and what else is said of it
    "inspect": """
        limit sample_id sample_shuffle epochs epochs_reducer approval fail_on_error continue_on_fail
        retry_on_error max_samples max_tasks max_subprocesses max_sandboxes max_dataset_memory sandbox_cleanup
        log_samples log_realtime log_images log_model_api log_refusals log_buffer log_shared score_display
    """,
    "inspect eval": """
        eval_set_id eval_id run_id created task task_id task_version task_file task_display_name
        task_registry_name task_attribs task_args task_args_passed solver dataset sandbox model
        model_generate_config model_base_url model_args model_roles config revision packages metadata tags
        scorers metrics viewer
    """,
    # lighteval: a command, and a task
    "general": """
        lighteval_sha num_fewshot_seeds max_samples job_id start_time end_time total_evaluation_time_secondes
        model_config model_name model_sha model_dtype model_size generation_parameters config
        override_batch_size
    """,
    "lighteval": """
        name prompt_function hf_repo hf_subset hf_revision hf_filter hf_avail_splits evaluation_splits
        few_shots_split few_shots_select generation_size stop_sequence num_samples suite suites metrics metric
        original_num_docs effective_num_docs trust_dataset must_remove_duplicated_docs num_fewshots
        truncate_fewshots truncate_few_shots version output_regex frozen full_name sample_fields
        sample_to_fewshot filter
    """,
    # evalscope: a whole configuration
    "evalscope": """
        model model_args generation_config dataset_args model_id model_task eval_backend eval_config eval_batch_size
        datasets dataset_dir dataset_hub limit seed debug dry_run timeout work_dir outputs stage template_type mem_cache
        judge_model_args judge_worker_num ignore_errors rerun_review enable_progress_tracker api_url api_key
        analysis_report no_timestamp use_sandbox sandbox_type sandbox_manager_config collect_perf repeats
        evalscope_version
    """,
}


def unheard(place: str, content: Mapping[str, object]) -> dict[str, object]:
    """Return what an object of a log sets under names that are not known at its place, as settings of a run."""
    return {f"{GENERATION}{name}": value for name, value in unknown(place, content).items()}


def unknown(place: str, content: Mapping[str, object]) -> dict[str, object]:
    """Return what an object of a log sets under names that are not known at its place."""
    known = _KNOWN[place].split()
    return {name: value for name, value in content.items() if name not in known}
