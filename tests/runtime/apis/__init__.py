"""Tests of the endpoint classes, without a port."""
