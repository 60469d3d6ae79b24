"""No stack reaches this."""

from torch import nn

MODULE = nn.Module
