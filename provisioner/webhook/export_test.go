package webhook

// Codes are the HTTP codes of the statuses.
var Codes = codes

// Unverified is the memory of bodies that are being received, in bytes.
func Unverified(r *Receiver) int64 { return r.unverified.bytes.Load() }
