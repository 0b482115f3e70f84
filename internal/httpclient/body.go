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

// MaxBody is the most that is read of one answer, in bytes after decompression,
// where its request does not say less.
const MaxBody = 16 << 20

// maxErrorBody is the most that is read of an answer that is not a 200.
const maxErrorBody = 64 << 10

var (
	errTruncated = errors.New("the answer ends in the middle")
	errEncoding  = errors.New("the answer's Content-Encoding can't be read")
	errGarbled   = errors.New("the answer's body is not valid HTTP")
)

// tooLargeError is an answer of more bytes than that.
type tooLargeError int64

func (e tooLargeError) Error() string {
	if e%(1<<20) == 0 {
		return fmt.Sprintf("the answer is larger than %d MiB", e>>20)
	}
	return fmt.Sprintf("the answer is larger than %d bytes", int64(e))
}

// readBody reads the whole body, at most limit bytes, into buf, or into a new
// buffer.
func readBody(res *http.Response, buf *bytes.Buffer, limit int64) ([]byte, error) {
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
			return nil, tooLargeError(limit)
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
	err := readAll(buf, body, limit)
	if _, ok := errors.AsType[tooLargeError](err); ok {
		if res.StatusCode != http.StatusOK {
			return buf.Bytes(), nil // the beginning will do
		}
		return nil, err
	}
	if err != nil {
		return nil, bodyError(err)
	}
	return buf.Bytes(), nil
}

// piece is how much is read at a time of a body that turns out to be large.
const piece = 1 << 20

// readAll reads r into buf. Of a body over the limit it keeps at most the limit,
// and never needs much more: a buffer that doubles would take several times as
// much.
func readAll(buf *bytes.Buffer, r io.Reader, limit int64) error {
	first := min(limit, piece)
	n, err := buf.ReadFrom(io.LimitReader(r, first))
	if err != nil || n < first {
		return err
	}
	var pieces [][]byte
	for rest := limit - n; ; {
		b := make([]byte, min(rest+1, piece))
		n, err := readFull(r, b)
		rest -= int64(n)
		if rest < 0 {
			return tooLargeError(limit)
		}
		pieces = append(pieces, b[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	buf.Grow(len(pieces) * piece)
	for _, b := range pieces {
		buf.Write(b)
	}
	return nil
}

// readFull fills b, or returns why not; io.EOF only where r ended as it should.
func readFull(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = r.Read(b[n:])
		n += m
	}
	if n == len(b) {
		err = nil
	}
	return n, err
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
