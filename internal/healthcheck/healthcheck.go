// Package healthcheck checks whether an exporter on this host is healthy. It is
// for the HEALTHCHECK of a container image that has neither a shell nor curl:
// https://docs.docker.com/reference/dockerfile/#healthcheck
package healthcheck

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
)

// timeout is the most that an exporter that is alive needs to answer.
const timeout = 3 * time.Second

// Check asks the exporter that listens at address, with TLS where the
// exporter-toolkit's web configuration file (which may be "") says so. It
// returns nil where the exporter is alive: it answers 200, or asks for
// credentials or a client certificate that this check does not have.
func Check(ctx context.Context, address, webConfigFile string) error {
	server, err := readTLS(webConfigFile)
	if err != nil {
		return err
	}
	base, err := baseURL(address, server)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/-/healthy", nil)
	if err != nil {
		return fmt.Errorf("the listen address %q can't be dialled: %w", address, err)
	}
	// The certificate names the exporter's host, not loopback; nothing secret is
	// sent.
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: true,
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		if server != nil && wantsCertificate(server, err) {
			return nil
		}
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return fmt.Errorf("no answer at %s: %w", base, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusUnauthorized {
		return fmt.Errorf("%s answers HTTP %d", base, res.StatusCode)
	}
	return nil
}

// URL returns where the exporter that listens at address is reached from this
// host: scheme, host and port.
func URL(address, webConfigFile string) (string, error) {
	server, err := readTLS(webConfigFile)
	if err != nil {
		return "", err
	}
	return baseURL(address, server)
}

func baseURL(address string, server *toolkit.TLSConfig) (string, error) {
	target, err := loopback(address)
	if err != nil {
		return "", err
	}
	if server != nil {
		return "https://" + target, nil
	}
	return "http://" + target, nil
}

// loopback returns where to dial for a listen address: itself, or loopback
// where it stands for every address of the host.
func loopback(address string) (string, error) {
	if strings.Contains(address, "://") {
		return "", fmt.Errorf("the listen address %q is not one of TCP; healthcheck dials only HOST:PORT", address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("the listen address %q is not HOST:PORT: %w", address, err)
	}
	switch ip := net.ParseIP(host); {
	case host == "", ip != nil && ip.IsUnspecified() && ip.To4() != nil:
		host = "127.0.0.1"
	case ip != nil && ip.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}

// readTLS returns nil where the file configures no TLS.
func readTLS(file string) (*toolkit.TLSConfig, error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the web configuration can't be read: %w", err)
	}
	var c struct {
		TLS toolkit.TLSConfig `yaml:"tls_server_config"`
	}
	if err := yaml.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("the web configuration %s is not valid YAML", file)
	}
	if !c.TLS.IsEnabled() {
		return nil, nil
	}
	return &c.TLS, nil
}

// wantsCertificate reports whether a handshake was refused for want of a client
// certificate: TLS 1.3 has an alert for that, 1.2 only a general one. The
// standard library gives remote alerts no exported type.
func wantsCertificate(s *toolkit.TLSConfig, err error) bool {
	text := err.Error()
	return strings.HasSuffix(text, "remote error: tls: certificate required") ||
		strings.HasPrefix(s.ClientAuth, "Require") &&
			(strings.HasSuffix(text, "remote error: tls: bad certificate") || strings.HasSuffix(text, "remote error: tls: handshake failure"))
}
