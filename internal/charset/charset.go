// Package charset converts responses to UTF-8 from the charset that they declare.
// Bytes that can't be decoded never make a response fail: each becomes U+FFFD
// followed by its value in hexadecimal, so that texts that differ only in such
// bytes stay different.
//
// The names of charsets: https://encoding.spec.whatwg.org/#names-and-labels
package charset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/transform"
)

// ErrTooLarge reports a body that is larger than its limit in UTF-8.
var ErrTooLarge = errors.New("the answer is too large in UTF-8")

// Declared returns the charset that a Content-Type names, "" if it names none.
func Declared(contentType string) string {
	for i, param := range strings.Split(contentType, ";") {
		name, value, _ := strings.Cut(param, "=")
		if i > 0 && strings.EqualFold(strings.TrimSpace(name), "charset") {
			return strings.Trim(value, " \t\"'")
		}
	}
	return ""
}

// UTF8 decodes a body from the named charset and removes its byte order mark,
// which outranks the name. If there is neither, or the name is not known, the body
// is taken for UTF-8, or for UTF-16 if one of its first two bytes is zero. Names
// are those of https://encoding.spec.whatwg.org, in which iso-8859-1 is
// windows-1252. The result is valid UTF-8 of at most limit bytes; it shares memory
// with a body that is valid UTF-8 already.
func UTF8(name string, body []byte, limit int) ([]byte, error) {
	name, body = sniff(strings.ToLower(name), body)
	switch enc, _ := htmlindex.Get(name); canonical(enc) {
	case "", "utf-8", "replacement": // the last one stands for charsets that are refused as unsafe
	case "utf-16le":
		return decodeUTF16(body, binary.LittleEndian, limit)
	case "utf-16be":
		return decodeUTF16(body, binary.BigEndian, limit)
	default:
		return decode(enc, body, limit)
	}
	switch {
	case !utf8.Valid(body):
		return escapeInvalid(body, limit)
	case len(body) > limit:
		return nil, ErrTooLarge
	}
	return body, nil
}

// sniff returns the charset that a body shows to have, or else the one that was
// named, and the body without its byte order mark.
func sniff(name string, body []byte) (string, []byte) {
	switch {
	case bytes.HasPrefix(body, []byte("\xEF\xBB\xBF")):
		return "utf-8", body[3:]
	case bytes.HasPrefix(body, []byte("\xFF\xFE")):
		return "utf-16le", body[2:]
	case bytes.HasPrefix(body, []byte("\xFE\xFF")):
		return "utf-16be", body[2:]
	case (name == "" || name == "utf-16") && len(body) > 1 && body[0] == 0:
		return "utf-16be", body
	case name == "" && len(body) > 1 && body[1] == 0:
		return "utf-16le", body
	}
	return name, body
}

func canonical(enc encoding.Encoding) string {
	if enc == nil {
		return ""
	}
	name, _ := htmlindex.Name(enc)
	return name
}

// escape appends what stands for bytes that can't be decoded.
func escape(out []byte, undecodable ...byte) []byte {
	const digits = "0123456789ABCDEF"
	out = append(out, "\uFFFD"...)
	for _, b := range undecodable {
		out = append(out, digits[b>>4], digits[b&0xF])
	}
	return out
}

// room is how much to allocate at first for n bytes in another charset.
func room(n, limit int) []byte { return make([]byte, 0, min(n+n/8, limit)) }

func escapeInvalid(body []byte, limit int) ([]byte, error) {
	out := room(len(body), limit)
	for len(body) > 0 {
		r, n := utf8.DecodeRune(body)
		if r == utf8.RuneError && n == 1 {
			out = escape(out, body[0])
		} else {
			out = append(out, body[:n]...)
		}
		if body = body[n:]; len(out) > limit {
			return nil, ErrTooLarge
		}
	}
	return out, nil
}

func decodeUTF16(body []byte, order binary.ByteOrder, limit int) ([]byte, error) {
	out := room(len(body)/2, limit)
	for ; len(body) > 1; body = body[2:] {
		r := rune(order.Uint16(body))
		if utf16.IsSurrogate(r) {
			if len(body) > 3 {
				r = utf16.DecodeRune(r, rune(order.Uint16(body[2:])))
			}
			if r == utf8.RuneError || utf16.IsSurrogate(r) {
				out = escape(out, body[:2]...)
				continue
			}
			body = body[2:]
		}
		if out = utf8.AppendRune(out, r); len(out) > limit {
			return nil, ErrTooLarge
		}
	}
	if len(body) > 0 {
		out = escape(out, body...)
	}
	if len(out) > limit {
		return nil, ErrTooLarge
	}
	return out, nil
}

// maxCharacter is the longest character, or sequence that shifts between tables,
// of any charset, in bytes.
const maxCharacter = 8

// decode takes one character at a time, to know the bytes of those that can't be
// decoded. Runs of ASCII are copied, as all charsets but one contain it.
func decode(enc encoding.Encoding, body []byte, limit int) ([]byte, error) {
	shifts := canonical(enc) == "iso-2022-jp"
	dec := enc.NewDecoder()
	out := room(len(body), limit)
	for len(body) > 0 {
		ascii := 0
		for !shifts && ascii < len(body) && body[ascii] < utf8.RuneSelf {
			ascii++
		}
		out, body = append(out, body[:ascii]...), body[ascii:]
		if len(out) > limit {
			return nil, ErrTooLarge
		}
		if len(body) == 0 {
			break
		}
		var to [2 * utf8.UTFMax]byte
		var n, used int
		err := transform.ErrShortSrc
		for end := 1; err == transform.ErrShortSrc && used == 0 && end <= min(len(body), maxCharacter); end++ {
			n, used, err = dec.Transform(to[:], body[:end], end == len(body))
		}
		if used == 0 {
			n, used = 0, 1
			out = escape(out, body[0])
		} else if bytes.Contains(to[:n], []byte("\uFFFD")) {
			out = escape(out, body[:used]...)
		} else {
			out = append(out, to[:n]...)
		}
		body = body[used:]
	}
	if len(out) > limit {
		return nil, ErrTooLarge
	}
	return out, nil
}
