mock_provider "google" {}

variables {
  project        = "my-project"
  region         = "europe-west4"
  retention_days = null
  force_destroy  = false
}

run "nothing_is_public" {
  command = plan

  module {
    source = "./modules/buckets"
  }

  assert {
    condition     = alltrue([for bucket in google_storage_bucket.bucket : bucket.uniform_bucket_level_access && bucket.public_access_prevention == "enforced"])
    error_message = "A bucket could be made public."
  }
  assert {
    condition     = !contains([for rule in google_storage_bucket.bucket["predictions"].lifecycle_rule : tolist(rule.action)[0].type], "Delete")
    error_message = "Predictions are deleted though no retention is set."
  }
}

run "predictions_are_kept_as_long_as_set" {
  command = plan

  module {
    source = "./modules/buckets"
  }

  variables {
    retention_days = 400
  }

  assert {
    condition = contains(
      [for rule in google_storage_bucket.bucket["predictions"].lifecycle_rule : tolist(rule.condition)[0].age if tolist(rule.action)[0].type == "Delete"],
      400,
    )
    error_message = "Predictions are not deleted after their retention."
  }
}
