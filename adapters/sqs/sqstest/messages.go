package sqstest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The limits of the real one
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html).
const (
	defaultVisibility   = 30 * time.Second // a queue's default
	sqsLongestHidden    = 12 * time.Hour   // from a delivery on
	sqsLongestPoll      = 20               // seconds
	sqsLongestDelay     = 900              // seconds
	sqsLargestBody      = 1 << 20
	sqsDeduplication    = 5 * time.Minute
	sqsLargestBatch     = 10
	sqsLongestTimeout   = 43200   // seconds
	sqsReceipt          = "AQEB-" // then the message's id and the count of its deliveries
	sqsParameterInvalid = "InvalidParameterValue"
)

type message struct {
	Message
	deduplication string
	first         time.Time // its first delivery
	received      time.Time // its latest delivery
}

func (m *message) receipt() string { return sqsReceipt + m.ID + "-" + strconv.Itoa(m.Receives) }

func (m *message) hidden() bool { return m.Visible.After(time.Now()) }

func (s *Server) sendMessage(_ *http.Request, in *request) (any, error) {
	switch {
	case in.MessageBody == "":
		return nil, apiError{"MissingParameter", "The request must contain the parameter MessageBody."}
	case len(in.MessageBody) > sqsLargestBody:
		return nil, apiError{sqsParameterInvalid, "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."}
	case in.fifo() && in.MessageGroupID == "":
		return nil, apiError{"MissingParameter", "The request must contain the parameter MessageGroupId."}
	case in.fifo() && in.MessageDeduplicationID == "":
		return nil, apiError{sqsParameterInvalid, "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"}
	case !in.fifo() && in.MessageDeduplicationID != "":
		return nil, apiError{sqsParameterInvalid, "The request includes a parameter that is not valid for this queue type. Reason: MessageDeduplicationId."}
	case in.DelaySeconds != nil && (in.fifo() || *in.DelaySeconds < 0 || *in.DelaySeconds > sqsLongestDelay):
		return nil, apiError{sqsParameterInvalid, "Value for parameter DelaySeconds is invalid. Reason: it must be 0 to 900, and not set for a FIFO queue."}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if d := s.duplicates[in.MessageDeduplicationID]; in.fifo() && now.Before(d.until) {
		return map[string]string{"MessageId": d.message, "MD5OfMessageBody": md5Hex(in.MessageBody)}, nil
	}
	s.serial++
	m := &message{
		Message: Message{
			ID: fmt.Sprintf("5fea7756-0ea4-451a-a703-%012x", s.serial), Body: in.MessageBody, Group: in.MessageGroupID, Sent: now, Visible: now,
		},
		deduplication: in.MessageDeduplicationID,
	}
	if in.DelaySeconds != nil {
		m.Visible = now.Add(time.Duration(*in.DelaySeconds) * time.Second)
	}
	if in.fifo() {
		s.duplicates[m.deduplication] = duplicate{m.ID, now.Add(sqsDeduplication)}
	}
	s.messages = append(s.messages, m)
	s.byID[m.ID] = m
	s.wake()
	return map[string]string{"MessageId": m.ID, "MD5OfMessageBody": md5Hex(m.Body)}, nil
}

func (s *Server) receiveMessage(r *http.Request, in *request) (any, error) {
	visibility := defaultVisibility
	if in.VisibilityTimeout != nil {
		visibility = time.Duration(*in.VisibilityTimeout) * time.Second
	}
	most := max(in.MaxNumberOfMessages, 1)
	if most > sqsLargestBatch || in.WaitTimeSeconds < 0 || in.WaitTimeSeconds > sqsLongestPoll || visibility < 0 || visibility > sqsLongestHidden {
		return nil, apiError{sqsParameterInvalid, "Value for parameter MaxNumberOfMessages, WaitTimeSeconds or VisibilityTimeout is invalid."}
	}
	end := time.Now().Add(time.Duration(in.WaitTimeSeconds) * time.Second)
	for {
		taken, next, changed := s.take(in, most, visibility)
		left := time.Until(end)
		if len(taken) > 0 || left <= 0 {
			if len(taken) == 0 {
				return map[string]any{}, nil
			}
			return map[string]any{"Messages": taken}, nil
		}
		if !next.IsZero() {
			left = min(left, max(time.Until(next), 0))
		}
		timer := time.NewTimer(left)
		select {
		case <-changed:
		case <-timer.C:
		case <-r.Context().Done(): // nobody listens any more
			end = time.Time{}
		}
		timer.Stop()
	}
}

// take delivers what is visible. Otherwise next is when something will be.
func (s *Server) take(in *request, most int, visibility time.Duration) (taken []map[string]any, next time.Time, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	blocked := map[string]bool{} // groups with a message under way, or one before this
	for _, m := range slices.Clone(s.messages) {
		if in.fifo() && blocked[m.Group] {
			continue
		}
		if m.hidden() {
			if next.IsZero() || m.Visible.Before(next) {
				next = m.Visible
			}
			blocked[m.Group] = true
			continue
		}
		if len(taken) == most {
			break
		}
		if s.maxReceive > 0 && m.Receives >= s.maxReceive {
			s.remove(m)
			s.dead = append(s.dead, m)
			continue
		}
		m.Receives++
		m.received, m.Visible = now, now.Add(visibility)
		if m.first.IsZero() {
			m.first = now
		}
		taken = append(taken, m.delivery(in))
	}
	return taken, next, s.changed
}

// delivery is the message in the API's form, with the attributes that were asked for.
func (m *message) delivery(in *request) map[string]any {
	millis := func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
	attributes := map[string]string{}
	for name, value := range map[string]string{
		"ApproximateReceiveCount": strconv.Itoa(m.Receives), "SentTimestamp": millis(m.Sent), "ApproximateFirstReceiveTimestamp": millis(m.first),
		"MessageGroupId": m.Group, "MessageDeduplicationId": m.deduplication,
	} {
		asked := slices.Concat(in.MessageSystemAttributeNames, in.AttributeNames)
		if value != "" && (slices.Contains(asked, name) || slices.Contains(asked, "All")) {
			attributes[name] = value
		}
	}
	return map[string]any{"MessageId": m.ID, "ReceiptHandle": m.receipt(), "MD5OfBody": md5Hex(m.Body), "Body": m.Body, "Attributes": attributes}
}

// deleteMessage succeeds on a standard queue whether or not the receipt is worth anything, as the
// real one does.
func (s *Server) deleteMessage(_ *http.Request, in *request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.find(in.ReceiptHandle)
	if err != nil {
		return nil, err
	}
	if m != nil && in.fifo() && !m.hidden() {
		m = nil
	}
	if m == nil && in.fifo() && s.exists(in.ReceiptHandle) {
		return nil, apiError{sqsParameterInvalid, "Value " + in.ReceiptHandle + " for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."}
	}
	if m != nil {
		s.remove(m)
		s.wake() // the next of its group
	}
	return map[string]any{}, nil
}

func (s *Server) changeMessageVisibility(_ *http.Request, in *request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]any{}, s.changeVisibility(in.ReceiptHandle, in.VisibilityTimeout)
}

func (s *Server) changeMessageVisibilityBatch(_ *http.Request, in *request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(in.Entries) == 0:
		return nil, apiError{"EmptyBatchRequest", "There should be at least one ChangeMessageVisibilityBatchRequestEntry in the request."}
	case len(in.Entries) > sqsLargestBatch:
		return nil, apiError{"TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10."}
	}
	successful, failed, seen := []map[string]any{}, []map[string]any{}, map[string]bool{}
	for _, e := range in.Entries {
		if seen[e.ID] {
			return nil, apiError{"BatchEntryIdsNotDistinct", "Id " + e.ID + " repeated."}
		}
		seen[e.ID] = true
	}
	for _, e := range in.Entries {
		switch err := s.changeVisibility(e.ReceiptHandle, e.VisibilityTimeout).(type) { //nolint:errorlint // it is returned bare
		case nil:
			successful = append(successful, map[string]any{"Id": e.ID})
		case apiError:
			failed = append(failed, map[string]any{"Id": e.ID, "Code": err.code, "Message": err.message, "SenderFault": true})
		}
	}
	return map[string]any{"Successful": successful, "Failed": failed}, nil
}

func (s *Server) changeVisibility(receipt string, seconds *int) error {
	if seconds == nil || *seconds < 0 || *seconds > sqsLongestTimeout {
		return apiError{sqsParameterInvalid, "Value for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200, if provided."}
	}
	m, err := s.find(receipt)
	if err != nil {
		return err
	}
	now := time.Now()
	visible := now.Add(time.Duration(*seconds) * time.Second)
	switch {
	case m == nil:
		return apiError{sqsParameterInvalid, "Value " + receipt + " for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change."}
	case !m.hidden():
		return apiError{"MessageNotInflight", "The specified message isn't in flight."}
	case visible.Sub(m.received) > sqsLongestHidden:
		return apiError{sqsParameterInvalid, "Value for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]."}
	}
	m.Visible = visible
	s.wake()
	return nil
}

// find returns the message that a receipt is the latest of, and nil when it is not or the message
// is gone.
func (s *Server) find(receipt string) (*message, error) {
	id, receives, ok := parseReceipt(receipt)
	if !ok {
		return nil, apiError{"ReceiptHandleIsInvalid", "The input receipt handle \"" + receipt + "\" is not a valid receipt handle."}
	}
	if m := s.byID[id]; m != nil && m.Receives == receives {
		return m, nil
	}
	return nil, nil //nolint:nilnil // a receipt may be of nothing
}

// exists reports whether the message that a receipt was of is still there.
func (s *Server) exists(receipt string) bool {
	id, _, _ := parseReceipt(receipt)
	return s.byID[id] != nil
}

func parseReceipt(receipt string) (id string, receives int, ok bool) {
	rest, ok := strings.CutPrefix(receipt, sqsReceipt)
	i := strings.LastIndex(rest, "-")
	if !ok || i < 0 {
		return "", 0, false
	}
	receives, err := strconv.Atoi(rest[i+1:])
	return rest[:i], receives, err == nil
}

func (s *Server) remove(m *message) {
	delete(s.byID, m.ID)
	s.messages = slices.DeleteFunc(s.messages, func(x *message) bool { return x == m })
}

func (s *Server) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}
