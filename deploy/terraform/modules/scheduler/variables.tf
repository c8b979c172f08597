variable "region" {
  description = "Region of the job and of the service that it calls."
  type        = string
}

variable "service" {
  description = "Name of the drift monitor's service."
  type        = string
}

variable "url" {
  description = "Address of the drift monitor, which is also the audience of the ID token."
  type        = string
}

variable "service_account" {
  description = "E-mail address of the account that calls the monitor."
  type        = string
}

variable "cron" {
  description = "Cron expression."
  type        = string
}

variable "time_zone" {
  description = "Time zone of the cron expression."
  type        = string
}
