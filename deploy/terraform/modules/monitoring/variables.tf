variable "project" {
  description = "Id of the project."
  type        = string
}

variable "alert_emails" {
  description = "Addresses that alerts are sent to."
  type        = set(string)
}
