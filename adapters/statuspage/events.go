package statuspage

import (
	"net/http"
	"time"
)

const (
	// newsGap is the time between two pieces of news at least.
	newsGap = time.Second
	// heartbeat is the time between two signs of life at most, so that nobody in between takes a
	// quiet stream for a dead one.
	heartbeat = 20 * time.Second
	// writeTime is how long a reader may take to take something in.
	writeTime = 10 * time.Second
)

// serveEvents tells that there is news, until the reader has gone. What it is, the reader asks for.
func (h *Handler) serveEvents(w http.ResponseWriter, r *http.Request) {
	select {
	case <-h.over:
		h.refuseStream(w, r, "The service is being stopped.")
		return
	default:
	}
	select {
	case h.streams <- struct{}{}:
		defer func() { <-h.streams }()
	default:
		h.refuseStream(w, r, "There are too many readers: ask again later, or ask for the page itself.")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would gather it
	s := stream{w: w, control: http.NewResponseController(w)}
	news := h.journal.News()
	if r.Method == http.MethodHead || !s.send(": hello\n\n") {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		text := ": still here\n\n"
		select {
		case <-news:
			news, text = h.journal.News(), "event: news\ndata:\n\n"
		case <-beat.C:
		case <-r.Context().Done():
			return
		case <-h.over:
			return
		}
		if !s.send(text) {
			return
		}
		select {
		case <-time.After(newsGap):
		case <-r.Context().Done():
			return
		case <-h.over:
			return
		}
	}
}

func (h *Handler) refuseStream(w http.ResponseWriter, r *http.Request, text string) {
	w.Header().Set("Retry-After", "30")
	h.fail(w, r, http.StatusServiceUnavailable, text)
}

// stream writes to a reader who may be slow, or gone.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// send reports whether the reader is still there. It gives every piece its own time, whatever the
// server's time for a whole answer.
func (s stream) send(text string) bool {
	_ = s.control.SetWriteDeadline(time.Now().Add(writeTime)) // where that can't be set, the server's own counts
	if _, err := s.w.Write([]byte(text)); err != nil {
		return false
	}
	return s.control.Flush() == nil
}
