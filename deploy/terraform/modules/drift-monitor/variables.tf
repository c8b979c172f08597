variable "project" {
  description = "Id of the project, by which log entries are linked to traces."
  type        = string
}

variable "region" {
  description = "Region of service and job."
  type        = string
}

variable "image" {
  description = "Image that service and job are created with. Cloud Build deploys later ones to the service."
  type        = string
}

variable "service_account" {
  description = "E-mail address of the account that service and job run as."
  type        = string
}

variable "models_bucket" {
  description = "Bucket of the models."
  type        = string
}

variable "predictions_bucket" {
  description = "Bucket of the prediction records."
  type        = string
}

variable "reports_bucket" {
  description = "Bucket of the reports."
  type        = string
}

variable "model_path" {
  description = "Key of the model package, with its drift reference, in the bucket of the models."
  type        = string
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete service and job."
  type        = bool
}
