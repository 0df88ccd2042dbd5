package webhook

import "golang.org/x/time/rate"

// Codes are the HTTP codes of the statuses.
var Codes = codes

// Unverified is the memory of bodies that are being received, in bytes.
func Unverified(r *Receiver) int64 { return r.unverified.bytes.Load() }

// LogEveryStranger has no line left out of the log.
func LogEveryStranger(r *Receiver) { r.strangers.log = rate.Sometimes{Every: 1} }
