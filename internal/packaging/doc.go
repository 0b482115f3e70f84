// Package packaging tests what is shipped beside the program: the systemd unit,
// the Kubernetes manifests and, with the build tag image, the container image.
package packaging
