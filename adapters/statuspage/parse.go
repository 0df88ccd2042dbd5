package statuspage

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// ErrNoJob is the error of what names no job.
var ErrNoJob = errors.New("it is neither a job's id nor its address at GitHub, https://github.com/OWNER/REPO/actions/runs/RUN/job/JOB")

// ParseJob reads what people know a job by: its id, or its address at GitHub. The address is of any
// host, since GitHub Enterprise Server has its own; it may lack its scheme, and have a query or a
// fragment. The API's address of a job will do too. Errors wrap [ErrNoJob].
func ParseJob(s string) (int64, error) {
	s = strings.TrimSpace(s)
	if id, ok := parseID(s); ok {
		return id, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" && u.Scheme != "https" && u.Scheme != "http" {
		return 0, noJob(s)
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if n := len(parts); n >= 4 && (parts[n-2] == "job" || parts[n-2] == "jobs") {
		if id, ok := parseID(parts[n-1]); ok {
			return id, nil
		}
	}
	for i := range len(parts) - 2 {
		if _, isRun := parseID(parts[i+2]); parts[i] == "actions" && parts[i+1] == "runs" && isRun {
			return 0, fmt.Errorf("that is the address of a workflow run; open one of its jobs and take that address: %w", ErrNoJob)
		}
	}
	return 0, noJob(s)
}

// longestQuote bounds what is quoted of what names no job.
const longestQuote = 80

func noJob(s string) error {
	if len(s) > longestQuote {
		s = strings.ToValidUTF8(s[:longestQuote], "") + "..."
	}
	return fmt.Errorf("%q: %w", s, ErrNoJob)
}

// parseID reads an id as GitHub writes it: digits and nothing else.
func parseID(s string) (id int64, ok bool) {
	id, err := strconv.ParseInt(s, 10, 64)
	return id, err == nil && id > 0 && s[0] != '+'
}
