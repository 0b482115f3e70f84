package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/logging"
)

// maxAnswer is the most that is read of a response's body, in bytes. It is read
// for the sake of the connection only.
const maxAnswer = 64 << 10

// verdict is what becomes of the alerts in a request.
type verdict int

const (
	accepted  verdict = iota
	retry             // sent again after a while
	refused           // sent again with the next state of each
	abandoned         // the notifier itself gave the request up
)

// result is what came of a request.
type result struct {
	verdict verdict
	why     string         // for the log, unless accepted
	status  int            // 0: there was no response
	page    bool           // it is HTML, which an Alertmanager does not send
	err     error          // why there was no response
	wait    *time.Duration // Retry-After of a 429
	skew    *time.Duration // known with a Date
}

// post sends a batch, in which there may be nothing, and returns what came of it. A
// panic of what sends it costs a try, not the process.
func (l *loop) post(ctx context.Context, r request) (out result) {
	defer func() {
		if p := recover(); p != nil {
			logging.Bug(l.logger, "delivery panicked", p)
			out = result{verdict: retry, why: "delivery panicked"}
		}
	}()
	parent := ctx
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(bodyOf(r.batch)))
	if err != nil {
		return result{verdict: retry, why: "the url is not valid"}
	}
	req.Header.Set("Content-Type", "application/json")
	// It is: net/http may send it again on another connection where an idle one
	// turns out to be closed. Without a value it is not sent itself.
	req.Header["Idempotency-Key"] = nil
	begin := l.n.opt.Now()
	res, err := r.client.RoundTrip(req)
	roundTrip := l.n.opt.Now().Sub(begin)
	if err != nil {
		if parent.Err() != nil {
			return result{verdict: abandoned}
		}
		return l.failed(err, roundTrip)
	}
	// Its status has decided, whatever becomes of the rest.
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer))
	res.Body.Close()
	l.n.metrics.request(l.name, res.StatusCode, l.n.opt.Now().Sub(begin))
	out = judge(res.StatusCode)
	out.page = strings.HasPrefix(res.Header.Get("Content-Type"), "text/html")
	if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		skew := date.Sub(begin.Add(roundTrip / 2))
		out.skew = &skew
	}
	if res.StatusCode == http.StatusTooManyRequests {
		out.wait = retryAfter(res.Header, begin.Add(roundTrip))
	}
	return out
}

// failed is the result of a request without a response. Where it failed for want
// of a token, the status of the token endpoint decides: one that refuses us is not
// asked time and again, lest an account be locked.
func (l *loop) failed(err error, took time.Duration) result {
	out := result{verdict: retry, why: err.Error(), err: err}
	if _, ok := errors.AsType[*httpclient.TokenError](err); !ok {
		l.n.metrics.request(l.name, 0, took)
	} else if e, ok := errors.AsType[*httpclient.StatusError](err); ok {
		if judge(e.Code).verdict == refused {
			out.verdict = refused
		}
		if e.Code == http.StatusTooManyRequests {
			out.wait = retryAfter(e.Header, l.n.opt.Now())
		}
	}
	return out
}

// judge is the result of a response with this status.
func judge(status int) result {
	out := result{verdict: refused, status: status, why: fmt.Sprintf("HTTP %d", status)}
	if text := http.StatusText(status); text != "" {
		out.why += " " + text
	}
	switch {
	case status/100 == 2:
		out.verdict = accepted
	case status == http.StatusTooManyRequests, status/100 == 5:
		out.verdict = retry
	}
	return out
}

func retryAfter(h http.Header, now time.Time) *time.Duration {
	if d, ok := httpclient.RetryAfter(h, now); ok {
		return &d
	}
	return nil
}
