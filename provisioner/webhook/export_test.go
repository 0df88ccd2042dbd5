package webhook

// Codes are the HTTP codes of the statuses.
var Codes = codes
