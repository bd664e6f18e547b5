#!/bin/bash
# The exit status of a program passes through.
# status: 42
echo "leaving with 42"
echo "and a word on standard error" >&2
exit 42
