"""Every error kefu raises on purpose. Each message is one line: what, which value, what to do.

KefuError
├── UsageError              the caller asked for something that makes no sense (exit 2)
├── SettingsError           kefu.toml or a KEFU_* variable
├── ModelError
│   ├── ModelFileError      missing, unreadable, empty, or not a GGUF model
│   ├── DownloadFailed      the hub, the way to it, or room on the disk
│   ├── TrialFailed         a model that cannot hold the conversation it was tried with
│   ├── ContextOverflow     a prompt that the context window cannot hold
│   ├── EngineCrashed       the engine's process ended while it worked; it is started again
│   ├── CannotTranslate     the model only words replies
│   ├── EngineBusy          so many requests wait already that this one may not
│   └── EngineClosed        a request to an engine that was shut down
├── StoreError
│   ├── StoreFromFuture     written by a newer kefu
│   ├── StoreFull           the disk is full
│   ├── LeaseLost           the message is another worker's by now
│   ├── HeldByAnother       another agent has the conversation
│   ├── UnknownConversation
│   └── UnknownMessage
└── KnowledgeError
    ├── UnreadableDocument  named and skipped, the rest goes in
    └── UnknownDocument
"""


class KefuError(Exception):
    """Base of all errors whose message is meant for the reader."""


class UsageError(KefuError):
    pass


class SettingsError(KefuError):
    pass


class ModelError(KefuError):
    pass


class ModelFileError(ModelError):
    pass


class DownloadFailed(ModelError):
    pass


class TrialFailed(ModelError):
    pass


class ContextOverflow(ModelError):
    pass


class EngineCrashed(ModelError):
    pass


class CannotTranslate(ModelError):
    pass


class EngineBusy(ModelError):
    pass


class EngineClosed(ModelError):
    pass


class StoreError(KefuError):
    pass


class StoreFromFuture(StoreError):
    pass


class StoreFull(StoreError):
    pass


class LeaseLost(StoreError):
    pass


class HeldByAnother(StoreError):
    pass


class UnknownConversation(StoreError):
    pass


class UnknownMessage(StoreError):
    pass


class KnowledgeError(KefuError):
    pass


class UnreadableDocument(KnowledgeError):
    pass


class UnknownDocument(KnowledgeError):
    pass
