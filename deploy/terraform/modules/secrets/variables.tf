variable "region" {
  description = "Region that the secret is kept in."
  type        = string
}

variable "reader" {
  description = "E-mail address of the service account that may read the keys."
  type        = string
}
