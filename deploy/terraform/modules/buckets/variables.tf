variable "project" {
  description = "Id of the project. Names of buckets are global, so that they start with it."
  type        = string
}

variable "region" {
  description = "Region of the buckets."
  type        = string
}

variable "retention_days" {
  description = "Days after which predictions and reports are deleted; null keeps them."
  type        = number
}

variable "force_destroy" {
  description = "Whether buckets that have objects may be deleted."
  type        = bool
}
