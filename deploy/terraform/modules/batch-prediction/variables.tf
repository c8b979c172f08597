variable "region" {
  description = "Region of the job."
  type        = string
}

variable "image" {
  description = "Image of the predictor."
  type        = string
}

variable "service_account" {
  description = "E-mail address of the account that the tasks run as."
  type        = string
}

variable "model" {
  description = "URI of the model package."
  type        = string
}

variable "input" {
  description = "URI of the images."
  type        = string
}

variable "output" {
  description = "URI under which masks, overlays and records are written."
  type        = string
}

variable "tasks" {
  description = "Number of tasks that share the images."
  type        = number
}

variable "parallelism" {
  description = "Number of tasks that run at the same time; 0 for as many as possible."
  type        = number
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the job."
  type        = bool
}
