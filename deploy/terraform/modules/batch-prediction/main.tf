# Each task takes its share of the images by CLOUD_RUN_TASK_INDEX and CLOUD_RUN_TASK_COUNT, which Cloud Run sets. One that is
# tried again goes on where it was.
resource "google_cloud_run_v2_job" "segment" {
  name                = "segment"
  location            = var.region
  deletion_protection = var.deletion_protection

  template {
    task_count  = var.tasks
    parallelism = var.parallelism

    template {
      service_account       = var.service_account
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      timeout               = "10800s"
      max_retries           = 3

      containers {
        image = var.image
        args  = ["predict", "--model", var.model, "--input", var.input, "--output", var.output, "--device", "cpu"]

        resources {
          limits = { cpu = "4", memory = "8Gi" }
        }

        env {
          name  = "LOG_FORMAT"
          value = "json"
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [client, client_version]
  }
}
