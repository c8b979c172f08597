locals {
  environment = {
    STORAGE_MODE         = "gcp"
    MODEL_REPOSITORY     = var.models_bucket
    MODEL_PATH           = var.model_path
    PREDICTIONS_BUCKET   = var.predictions_bucket
    REPORTS_BUCKET       = var.reports_bucket
    LOG_FORMAT           = "json"
    GOOGLE_CLOUD_PROJECT = var.project
  }
}

# Reports, and POST /run for Cloud Scheduler. Cloud Run checks the caller's ID token.
resource "google_cloud_run_v2_service" "monitor" {
  name                = "drift-monitor"
  location            = var.region
  description         = "Detects when incoming tissue differs from the tissue the model was trained on"
  deletion_protection = var.deletion_protection

  template {
    service_account                  = var.service_account
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    max_instance_request_concurrency = 8
    # A run reads all records of its window.
    timeout = "900s"

    scaling {
      min_instance_count = 0
      max_instance_count = 1
    }

    containers {
      image = var.image

      ports {
        container_port = 8080
      }

      resources {
        limits            = { cpu = "1", memory = "1Gi" }
        cpu_idle          = true
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = local.environment
        content {
          name  = env.key
          value = env.value
        }
      }

      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 2
        failure_threshold = 30
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
    }
  }

  # Cloud Build deploys images and moves the traffic.
  lifecycle {
    ignore_changes = [template[0].containers[0].image, template[0].revision, traffic, client, client_version]
  }
}

# The same test once, for other windows: gcloud run jobs execute drift-run --args=run,--fail-on-drift,--days=30
resource "google_cloud_run_v2_job" "run" {
  name                = "drift-run"
  location            = var.region
  deletion_protection = var.deletion_protection

  template {
    template {
      service_account = var.service_account
      timeout         = "1800s"
      # Exit code 3 is drift: trying again would not change it.
      max_retries = 0

      containers {
        image = var.image
        args  = ["run", "--fail-on-drift"]

        resources {
          limits = { cpu = "1", memory = "1Gi" }
        }

        dynamic "env" {
          for_each = local.environment
          content {
            name  = env.key
            value = env.value
          }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [client, client_version]
  }
}
