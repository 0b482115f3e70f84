// Package packaging tests what ships with the program in deploy/: the systemd
// unit, the Kubernetes manifests and, with the build tag image, the container
// image. It is a module of its own, so that the exporter does not depend on
// Kubernetes.
package packaging
