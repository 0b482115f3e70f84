// Package smallfile reads files that are small by nature: secrets, keys,
// certificates, the configuration. Whatever replaces such a file (a FIFO, a
// device, a huge file), reading it never blocks and takes little memory.
package smallfile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// Max is the largest size of a file in bytes.
const Max = 1 << 20

// Read returns what a regular file of at most Max bytes holds. Its errors name
// the file and quote nothing of it.
func Read(path string) ([]byte, error) {
	// Not waiting matters for a pipe without a writer, which opens at once and
	// is then seen to be one. Looking before opening would leave a moment to
	// replace the file in.
	f, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, bad(path, "is not a regular file")
	}
	if info.Size() > Max {
		return nil, bad(path, tooLarge)
	}
	data, err := io.ReadAll(io.LimitReader(f, Max+1))
	if err != nil {
		return nil, err
	}
	if len(data) > Max {
		return nil, bad(path, tooLarge)
	}
	return data, nil
}

const tooLarge = "is larger than 1 MiB"

// PEM returns the text of a file that holds keys or certificates, without a
// byte order mark, which would hide the first of them. Blank files and UTF-16
// are errors; whether there is PEM in the text is for the caller to see.
func PEM(path string) (string, error) {
	data, err := Read(path)
	if err != nil {
		return "", err
	}
	if isUTF16(data) {
		return "", bad(path, "is UTF-16; save it as UTF-8")
	}
	text := strings.TrimPrefix(string(data), "\ufeff")
	if strings.TrimSpace(text) == "" {
		return "", bad(path, "is empty")
	}
	return text, nil
}

// Line returns the only line of a file that holds a secret or a name, without a
// byte order mark and without blanks around it.
func Line(path string) (string, error) {
	data, err := Read(path)
	if err != nil {
		return "", err
	}
	line := strings.TrimSpace(strings.TrimPrefix(string(data), "\ufeff"))
	switch {
	case isUTF16(data):
		return "", bad(path, "is UTF-16; save it as UTF-8")
	case line == "":
		return "", bad(path, "is empty")
	case !utf8.ValidString(line):
		return "", bad(path, "holds bytes that are not UTF-8; save it as UTF-8")
	case strings.ContainsAny(line, "\n\r\u0085\u2028\u2029"):
		return "", bad(path, "holds more than one line")
	case strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }):
		return "", bad(path, "holds a control character")
	}
	return line, nil
}

// isUTF16 recognizes the byte order mark, or ASCII text without one.
func isUTF16(data []byte) bool {
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		return true
	}
	return len(data) >= 4 && len(data)%2 == 0 && 2*bytes.Count(data, []byte{0}) == len(data)
}

func bad(path, why string) error {
	return &fs.PathError{Op: "read", Path: path, Err: errors.New(why)}
}

// MachineFault reports whether a file could not be read because this machine
// lacks descriptors or memory, or its disk fails: that says nothing about the
// file.
func MachineFault(err error) bool {
	for _, e := range [...]error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO, syscall.EAGAIN, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
