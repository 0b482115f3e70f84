package faults

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
)

// requestsKey is where the context of a request has the number of requests
// that its connection has carried.
type requestsKey struct{}

// CountRequests counts the requests of each connection, as the ConnContext of a
// server. TimeoutOnReuse needs it.
func CountRequests(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, requestsKey{}, new(atomic.Int64))
}

// numberOnConnection counts a request; the first one of a connection is 1. It
// must be called once for each request.
func numberOnConnection(r *http.Request) int64 {
	n, ok := r.Context().Value(requestsKey{}).(*atomic.Int64)
	if !ok {
		panic("faults: the server needs CountRequests as its ConnContext")
	}
	return n.Add(1)
}
