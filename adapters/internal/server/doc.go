// Package server is the webhook server with its commands, for the binaries that are made of it.
package server
