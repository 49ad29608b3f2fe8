from tests.engine.conftest import load, model, models, thread

__all__ = ["load", "model", "models", "thread"]
