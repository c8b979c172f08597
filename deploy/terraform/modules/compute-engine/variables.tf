variable "region" {
  description = "Region of the network's addresses."
  type        = string
}

variable "zone" {
  description = "Zone of the machine."
  type        = string
}

variable "machine_type" {
  description = "Type of the machine."
  type        = string
}

variable "gpu" {
  description = "Type of one accelerator, as nvidia-tesla-t4; null for none."
  type        = string
}

variable "spot" {
  description = "Whether the machine is a spot machine: a third of the price, and stopped when Google needs it."
  type        = bool
}

variable "disk_gb" {
  description = "Size of the disk in GB: the image, with CUDA 6 GB, and the training data."
  type        = number
}

variable "overrides" {
  description = "Overrides of the training configuration, separated by spaces."
  type        = string
}

variable "image" {
  description = "Image of the trainer; with a GPU one that was built with CUDA=true."
  type        = string
}

variable "service_account" {
  description = "E-mail address of the trainer's account."
  type        = string
}

variable "data_bucket" {
  description = "Bucket of the training data."
  type        = string
}

variable "models_bucket" {
  description = "Bucket of the models."
  type        = string
}
