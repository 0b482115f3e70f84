package notify

import (
	"context"
	"errors"
	"time"
)

// Tried is how an Alertmanager answers.
type Tried struct {
	Took time.Duration
	Skew *time.Duration // its clock's lead; nil without a Date
	Page bool           // it accepts alerts, but with a page: something else may respond
}

// Refusal is the answer of an Alertmanager that accepts no alerts from us.
type Refusal struct{ Status int }

func (r *Refusal) Error() string { return judge(r.Status).why }

// Try sends one request without alerts, as a Notifier does from time to time. An
// error is a Refusal if there was an answer. It is safe to show.
func Try(ctx context.Context, a Alertmanager, opt Options) (Tried, error) {
	addr, err := parseURL(a.URL)
	if err != nil {
		return Tried{}, err
	}
	n := New(opt)
	client, err := n.client(a, addr.name)
	if err != nil {
		return Tried{}, err
	}
	defer closeIdle(client)
	l := &loop{n: n, name: addr.name, logger: n.opt.Logger}
	begin := n.opt.Now()
	out := l.post(ctx, request{url: addr.post, client: client, timeout: a.Timeout})
	tried := Tried{Took: n.opt.Now().Sub(begin), Skew: out.skew, Page: out.page}
	switch {
	case out.verdict == accepted:
		return tried, nil
	case out.verdict == abandoned:
		return tried, context.Cause(ctx)
	case out.status != 0:
		return tried, &Refusal{out.status}
	case out.err != nil:
		return tried, out.err
	}
	return tried, errors.New(out.why)
}
