variable "project" {
  description = "Id of the project."
  type        = string
}

variable "region" {
  description = "Region of trigger, repository and services."
  type        = string
}

variable "repository" {
  description = "Artifact Registry repository of the images."
  type        = string
}

variable "owner" {
  description = "Owner of the GitHub repository."
  type        = string
}

variable "name" {
  description = "Name of the GitHub repository."
  type        = string
}

variable "branch" {
  description = "Regular expression of the branch that is deployed."
  type        = string
}

variable "builder" {
  description = "E-mail address of the account that builds run as."
  type        = string
}

variable "services" {
  description = "Services that builds deploy to, with the e-mail address of the account that each runs as."
  type        = map(string)
}
