// The devices of major 1 (mem(4)): null, zero, full, random and urandom.
#pragma once

namespace ukrun {

// Makes device nodes with these numbers work. Called once, at start.
void RegisterMemoryDevices();

}  // namespace ukrun
