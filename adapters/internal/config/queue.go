package config

import "strings"

const (
	queueMemory = "memory:"
	queueSQLite = "sqlite://"
)

// queue checks QUEUE_URL. What cannot be opened is told by the queue itself.
func (v *variables) queue(f *faults) string {
	switch file, sqlite := strings.CutPrefix(v.QueueURL, queueSQLite); {
	case v.QueueURL == queueMemory:
	case v.usesSQS():
		checkURL("QUEUE_URL", v.QueueURL, f)
	case sqlite && (file == "" || strings.HasSuffix(file, "/")):
		f.add("QUEUE_URL", "%s names no file: write sqlite://runner-provisioner.db, or sqlite:///var/lib/runner-provisioner.db with an absolute path",
			quote(v.QueueURL))
	case sqlite && strings.ContainsAny(file, "?#%"):
		f.add("QUEUE_URL", "%s has options or escapes: write the plain name of a file after sqlite://", quote(v.QueueURL))
	case sqlite:
	default:
		f.add("QUEUE_URL", "not one of memory: , sqlite://FILE and the http(s) URL of an SQS queue")
	}
	return v.QueueURL
}

func (v *variables) usesSQS() bool {
	return strings.HasPrefix(v.QueueURL, "http://") || strings.HasPrefix(v.QueueURL, "https://")
}
