resource "google_cloud_run_v2_service" "predictor" {
  name                = "predictor"
  location            = var.region
  description         = "Segments breast-cancer tissue over HTTP and stores the predictions"
  deletion_protection = var.deletion_protection

  template {
    service_account                  = var.service_account
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    max_instance_request_concurrency = 16
    # That of a request in the settings of the predictor.
    timeout = "300s"

    scaling {
      min_instance_count = var.instances.min
      max_instance_count = var.instances.max
    }

    containers {
      image = var.image

      ports {
        container_port = 8080
      }

      resources {
        limits            = { cpu = "2", memory = "4Gi" }
        cpu_idle          = true
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = merge(
          {
            STORAGE_MODE         = "gcp"
            MODEL_REPOSITORY     = var.models_bucket
            MODEL_PATH           = var.model_path
            PREDICTIONS_BUCKET   = var.predictions_bucket
            DEVICE               = "cpu"
            LOG_FORMAT           = "json"
            GOOGLE_CLOUD_PROJECT = var.project
          },
          var.api_keys_secret == null ? {} : { API_KEYS_FILE = "/secrets/api-keys" },
        )
        content {
          name  = env.key
          value = env.value
        }
      }

      # 200 once the model has answered and the bucket can be reached: two minutes for download and first run.
      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 2
        failure_threshold = 60
        http_get {
          path = "/ready"
        }
      }

      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 5
        failure_threshold = 3
        http_get {
          path = "/health"
        }
      }

      dynamic "volume_mounts" {
        for_each = var.api_keys_secret == null ? [] : ["api-keys"]
        content {
          name       = volume_mounts.value
          mount_path = "/secrets"
        }
      }
    }

    dynamic "volumes" {
      for_each = var.api_keys_secret == null ? [] : [var.api_keys_secret]
      content {
        name = "api-keys"
        secret {
          secret = volumes.value
          items {
            path    = "api-keys"
            version = "latest"
          }
        }
      }
    }
  }

  # Cloud Build deploys images and moves the traffic.
  lifecycle {
    ignore_changes = [template[0].containers[0].image, template[0].revision, traffic, client, client_version]
  }
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = var.invokers

  location = google_cloud_run_v2_service.predictor.location
  name     = google_cloud_run_v2_service.predictor.name
  role     = "roles/run.invoker"
  member   = each.value
}
