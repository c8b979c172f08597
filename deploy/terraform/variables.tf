variable "project" {
  description = "Id of the Google Cloud project."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "The id of a project has 6 to 30 lower-case letters, digits and hyphens, and starts with a letter."
  }
}

variable "region" {
  description = "Region of services, jobs and buckets."
  type        = string
  default     = "europe-west4"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region is named as europe-west4; europe-west4-a is a zone."
  }
}

variable "revision" {
  description = "Tag of the images that services and jobs are created with: the commit they were built from. null creates all but what runs an image, as for a project that has no images yet."
  type        = string
  default     = null

  validation {
    condition     = var.revision == null || can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.revision))
    error_message = "The revision must be a tag of an image, such as a commit."
  }
}

variable "model_path" {
  description = "Key of the model package in the bucket of the models, as train-2026-11-24_10-00-00/best_model-val_metric=0.87. Required with revision."
  type        = string
  default     = null

  validation {
    condition     = var.model_path == null || can(regex("^[^/].*[^/]$", var.model_path))
    error_message = "The model path is a key inside the bucket, without gs:// and without a slash at either end."
  }

  validation {
    condition     = var.revision == null || var.model_path != null
    error_message = "Services need a model: set model_path, or leave revision unset."
  }
}

variable "require_api_keys" {
  description = "Whether the predictor requires one of the keys in the secret api-keys, which needs a version before this is set."
  type        = bool
  default     = false
}

variable "predictor_invokers" {
  description = "Who may call the predictor, as [\"group:lab@example.org\"] or [\"serviceAccount:…\"]."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.predictor_invokers : can(regex("^(user|group|serviceAccount|domain|principal|principalSet):", member))])
    error_message = "Members are written as user:, group:, serviceAccount:, domain:, principal: or principalSet:. The predictor is not opened to allUsers."
  }
}

variable "predictor_instances" {
  description = "Smallest and largest number of instances of the predictor. With min = 0 the first request after a pause waits for a start."
  type        = object({ min = number, max = number })
  default     = { min = 0, max = 4 }

  validation {
    condition     = var.predictor_instances.min >= 0 && var.predictor_instances.max >= max(1, var.predictor_instances.min)
    error_message = "The largest number must be at least 1 and at least the smallest one."
  }
}

variable "batch_tasks" {
  description = "Number of tasks that share the images of a batch prediction, and how many of them run at the same time."
  type        = object({ count = number, parallelism = number })
  default     = { count = 8, parallelism = 4 }

  validation {
    condition     = var.batch_tasks.count >= 1 && var.batch_tasks.count <= 10000 && var.batch_tasks.parallelism >= 0 && var.batch_tasks.parallelism <= var.batch_tasks.count
    error_message = "A job has 1 to 10000 tasks, and no more at a time than it has."
  }
}

variable "drift_schedule" {
  description = "When drift is tested: cron expression and time zone."
  type        = object({ cron = string, time_zone = string })
  default     = { cron = "0 3 * * *", time_zone = "Etc/UTC" }

  validation {
    condition     = length(split(" ", var.drift_schedule.cron)) == 5
    error_message = "A cron expression has five fields, as 0 3 * * *."
  }
}

variable "alert_emails" {
  description = "Addresses that alerts are sent to."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for email in var.alert_emails : can(regex("^[^@ ]+@[^@ ]+$", email))])
    error_message = "Alerts are sent to e-mail addresses."
  }
}

variable "retention_days" {
  description = "Days after which predictions and reports are deleted; null keeps them."
  type        = number
  default     = null

  validation {
    condition     = var.retention_days == null || try(var.retention_days >= 30, false)
    error_message = "Drift is judged over weeks: keep predictions for at least 30 days."
  }
}

variable "github" {
  description = "Repository that Cloud Build deploys from, connected to it before; null for no trigger."
  type        = object({ owner = string, name = string, branch = optional(string, "^main$") })
  default     = null
}

variable "training_vm" {
  description = "Compute Engine machine for training; null for none. It stops when its run has ended. gpu is the type of an accelerator, as nvidia-tesla-t4, or null for machines without one or with a built-in one."
  type = object({
    zone         = string
    machine_type = optional(string, "n1-standard-8")
    gpu          = optional(string)
    spot         = optional(bool, true)
    disk_gb      = optional(number, 100)
    overrides    = optional(string, "train_hyp=train_hyp_gcp_cpu")
  })
  default = null

  validation {
    condition     = var.training_vm == null || try(startswith(var.training_vm.zone, "${var.region}-"), false)
    error_message = "The zone of the training machine must be in the region, where its images and buckets are."
  }

  validation {
    condition     = var.training_vm == null || var.revision != null
    error_message = "A training machine runs an image: set revision."
  }
}

variable "force_destroy" {
  description = "Whether terraform destroy deletes buckets that have objects, and the predictor with them. For tearing down only."
  type        = bool
  default     = false
}
