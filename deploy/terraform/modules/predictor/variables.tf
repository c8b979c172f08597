variable "project" {
  description = "Id of the project, by which log entries are linked to traces."
  type        = string
}

variable "region" {
  description = "Region of the service."
  type        = string
}

variable "image" {
  description = "Image that the service is created with. Cloud Build deploys later ones."
  type        = string
}

variable "service_account" {
  description = "E-mail address of the account that the service runs as."
  type        = string
}

variable "models_bucket" {
  description = "Bucket of the models."
  type        = string
}

variable "predictions_bucket" {
  description = "Bucket of records and masks."
  type        = string
}

variable "model_path" {
  description = "Key of the model package in the bucket of the models."
  type        = string
}

variable "instances" {
  description = "Smallest and largest number of instances."
  type        = object({ min = number, max = number })
}

variable "api_keys_secret" {
  description = "Secret with the keys of clients; null for none."
  type        = string
}

variable "invokers" {
  description = "Who may call the service."
  type        = set(string)
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the service."
  type        = bool
}
