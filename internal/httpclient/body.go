package httpclient

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// MaxBody is the most that is read of one answer, after decompression.
const MaxBody = 16 << 20

// maxErrorBody is the most that is read of an answer that is not a 200.
const maxErrorBody = 64 << 10

var (
	errTooLarge  = fmt.Errorf("the answer is larger than %d MiB", MaxBody>>20)
	errTruncated = errors.New("the answer ends in the middle")
	errEncoding  = errors.New("the answer's Content-Encoding can't be read")
	errGarbled   = errors.New("the answer's body is not valid HTTP")
)

// readBody reads the whole body into buf, or into a new buffer.
func readBody(res *http.Response, buf *bytes.Buffer) ([]byte, error) {
	limit := int64(MaxBody)
	if res.StatusCode != http.StatusOK {
		limit = maxErrorBody
	}
	if buf == nil {
		buf = new(bytes.Buffer)
	}
	buf.Reset()
	var body io.Reader = res.Body
	switch enc := strings.ToLower(strings.TrimSpace(res.Header.Get("Content-Encoding"))); enc {
	case "", "identity":
		if n := res.ContentLength; n > limit && res.StatusCode == http.StatusOK {
			return nil, errTooLarge
		} else if n > 0 && n <= limit {
			buf.Grow(int(n) + bytes.MinRead)
		}
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, bodyError(err)
		}
		body = z
	default:
		return nil, errEncoding
	}
	n, err := buf.ReadFrom(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, bodyError(err)
	}
	if n > limit {
		if res.StatusCode != http.StatusOK {
			return buf.Bytes()[:limit], nil
		}
		return nil, errTooLarge
	}
	return buf.Bytes(), nil
}

// bodyError tells an answer that is broken from a connection that broke; the
// second kind is returned as it is.
func bodyError(err error) error {
	if _, ok := errors.AsType[net.Error](err); ok { // also context.DeadlineExceeded
		return err
	}
	if _, ok := errors.AsType[flate.CorruptInputError](err); ok {
		return errEncoding
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errTruncated
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return errEncoding
	}
	return errGarbled
}
