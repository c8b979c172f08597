mock_provider "google" {}

variables {
  project             = "my-project"
  region              = "europe-west4"
  image               = "europe-west4-docker.pkg.dev/my-project/bcs/predictor:0123abc"
  service_account     = "bcs-predictor@my-project.iam.gserviceaccount.com"
  models_bucket       = "my-project-bcs-models"
  predictions_bucket  = "my-project-bcs-predictions"
  model_path          = "run/best_model"
  instances           = { min = 1, max = 3 }
  api_keys_secret     = null
  invokers            = ["group:pathology@example.org"]
  deletion_protection = true
}

run "without_keys" {
  command = plan

  module {
    source = "./modules/predictor"
  }

  assert {
    condition     = length(google_cloud_run_v2_service.predictor.template[0].volumes) == 0
    error_message = "A secret is mounted without keys."
  }
  assert {
    condition     = !contains([for env in google_cloud_run_v2_service.predictor.template[0].containers[0].env : env.name], "API_KEYS_FILE")
    error_message = "API_KEYS_FILE is set without keys."
  }
  assert {
    condition     = keys(google_cloud_run_v2_service_iam_member.invoker) == ["group:pathology@example.org"]
    error_message = "Others than the invokers may call the service."
  }
}

run "with_keys" {
  command = plan

  module {
    source = "./modules/predictor"
  }

  variables {
    api_keys_secret = "bcs-api-keys"
  }

  assert {
    condition = contains(
      [for env in google_cloud_run_v2_service.predictor.template[0].containers[0].env : env.value if env.name == "API_KEYS_FILE"],
      "${google_cloud_run_v2_service.predictor.template[0].containers[0].volume_mounts[0].mount_path}/${google_cloud_run_v2_service.predictor.template[0].volumes[0].secret[0].items[0].path}",
    )
    error_message = "API_KEYS_FILE is not the file of the mounted secret."
  }
}
