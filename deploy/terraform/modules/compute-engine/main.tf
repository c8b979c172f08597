locals {
  # Container-Optimized OS has docker; its drivers for NVIDIA are installed by the start-up script.
  boot_image = "projects/cos-cloud/global/images/family/cos-stable"
}

# No address on the internet: Google's services are reached through private access.
resource "google_compute_network" "training" {
  name                    = "bcs-training"
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "training" {
  name                     = "bcs-training"
  region                   = var.region
  network                  = google_compute_network.training.id
  ip_cidr_range            = "10.77.0.0/28"
  private_ip_google_access = true
}

resource "google_compute_instance" "training" {
  name                      = "bcs-training"
  description               = "Trains one model and stops"
  zone                      = var.zone
  machine_type              = var.machine_type
  allow_stopping_for_update = true

  boot_disk {
    initialize_params {
      image = local.boot_image
      size  = var.disk_gb
      type  = "pd-balanced"
    }
  }

  network_interface {
    subnetwork = google_compute_subnetwork.training.id
  }

  dynamic "guest_accelerator" {
    for_each = var.gpu == null ? [] : [var.gpu]
    content {
      type  = guest_accelerator.value
      count = 1
    }
  }

  scheduling {
    provisioning_model          = var.spot ? "SPOT" : "STANDARD"
    preemptible                 = var.spot
    automatic_restart           = !var.spot
    instance_termination_action = var.spot ? "STOP" : null
    # Machines with a GPU cannot be moved.
    on_host_maintenance = var.spot || var.gpu != null ? "TERMINATE" : "MIGRATE"
  }

  service_account {
    email = var.service_account
    # What it may do is decided by its roles.
    scopes = ["https://www.googleapis.com/auth/cloud-platform"]
  }

  shielded_instance_config {
    enable_secure_boot          = true
    enable_vtpm                 = true
    enable_integrity_monitoring = true
  }

  # The start-up script reads its settings from here.
  metadata = {
    startup-script         = file("${path.module}/../../../compute-engine/startup.sh")
    google-logging-enabled = "true"
    bcs-image              = var.image
    bcs-gpu                = var.gpu == null ? "false" : "true"
    bcs-data-bucket        = var.data_bucket
    bcs-models-bucket      = var.models_bucket
    bcs-overrides          = var.overrides
  }
}
