# Plans with a mocked provider: no project and no credentials are needed.
mock_provider "google" {}

variables {
  project = "my-project"
}

run "an_empty_project_gets_all_but_what_runs_an_image" {
  command = plan

  assert {
    condition     = length(module.predictor) + length(module.drift_monitor) + length(module.batch_prediction) + length(module.scheduler) == 0
    error_message = "Services were planned without an image."
  }
  assert {
    condition     = output.predictor_url == null && output.batch_prediction_job == null
    error_message = "Outputs of services must be null without them."
  }
  assert {
    condition     = output.buckets.predictions == "my-project-bcs-predictions"
    error_message = "Names of buckets start with the project."
  }
  assert {
    condition     = output.registry == "europe-west4-docker.pkg.dev/my-project/bcs"
    error_message = "The registry is not where cloudbuild.yaml pushes to."
  }
}

run "the_whole_system" {
  command = apply

  variables {
    revision           = "0123abc"
    model_path         = "train-2026-11-24_10-00-00/best_model-val_metric=0.87"
    predictor_invokers = ["group:pathology@example.org"]
    require_api_keys   = true
    alert_emails       = ["on-call@example.org"]
    retention_days     = 730
    github             = { owner = "example", name = "bcs" }
    training_vm        = { zone = "europe-west4-b", gpu = "nvidia-tesla-t4" }
  }

  assert {
    condition     = output.batch_prediction_job == "segment" && output.drift_job == "drift-run" && output.training_vm == "bcs-training"
    error_message = "Jobs or the training machine are missing."
  }
  assert {
    condition     = length(module.cloud_build) == 1
    error_message = "There is no trigger for the repository."
  }
  assert {
    condition     = output.records_table != null && output.predictor_url != null
    error_message = "Outputs of the whole system are missing."
  }
}

run "services_need_a_model" {
  command = plan

  variables {
    revision = "0123abc"
  }
  expect_failures = [var.model_path]
}

run "a_zone_is_no_region" {
  command = plan

  variables {
    region = "europe-west4-a"
  }
  expect_failures = [var.region]
}

run "the_predictor_is_not_public" {
  command = plan

  variables {
    predictor_invokers = ["allUsers"]
  }
  expect_failures = [var.predictor_invokers]
}

run "a_training_machine_is_where_its_data_is" {
  command = plan

  variables {
    revision    = "0123abc"
    model_path  = "run/model"
    training_vm = { zone = "us-central1-a" }
  }
  expect_failures = [var.training_vm]
}
