// Package wiring puts the product's parts together for the binaries. It is the only package that
// knows fx; every constructor that it calls is a plain function elsewhere. [Module] offers the
// parts; fx builds those that a binary asks for, and what they need.
package wiring
