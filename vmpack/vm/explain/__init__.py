"""What a status message, a VmAppExt log or an instance view says, in plain words."""

from vmpack.vm.explain.reading import explain
from vmpack.vm.explain.words import Explanation

__all__ = ["Explanation", "explain"]
