terraform {
  required_version = "~> 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 8.7"
    }
  }

  # The bucket is made by hand, before anything else, and named with: terraform init -backend-config=bucket=…
  backend "gcs" {
    prefix = "bcs"
  }
}

provider "google" {
  project        = var.project
  region         = var.region
  default_labels = { system = "bcs" }
}
