"""One thread for torch: the models are tiny, and two threads wait for each other on a busy core."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)
