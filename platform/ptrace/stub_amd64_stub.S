// Runs inside the guest's host process; see stub.h. Position independent, stackless.

        .section .rodata.ukrun_ptrace_stub, "a"
        .balign 16
        .globl UkrunPtraceStubBegin
        .hidden UkrunPtraceStubBegin
        .globl UkrunPtraceStubEnd
        .hidden UkrunPtraceStubEnd
UkrunPtraceStubBegin:

// One host call with the registers as they are.
        .org UkrunPtraceStubBegin + 0x00
        syscall
        int3

// clone, whose child goes to the parking place.
        .org UkrunPtraceStubBegin + 0x10
        syscall
        test %rax, %rax
        jz park
        int3

// A thread without its tracer yet. r12 holds the pid of the process that must stay its
// parent: when that one is gone, so is the sandbox, and nobody will come.
        .org UkrunPtraceStubBegin + 0x20
park:
        mov $110, %eax          // getppid
        syscall
        cmp %eax, %r12d
        jne orphan
        xor %edi, %edi          // poll(NULL, 0, 200 ms)
        xor %esi, %esi
        mov $200, %edx
        mov $7, %eax
        syscall
        jmp park
orphan:
        mov $231, %eax          // exit_group(0)
        xor %edi, %edi
        syscall
        ud2

// *rdi: eax -> ecx if it holds eax; the old value comes back in eax.
        .org UkrunPtraceStubBegin + 0x80
        lock cmpxchg %ecx, (%rdi)
        int3

// A new process confines itself to a system call filter (a struct sock_fprog at rdx, still
// in the Sentry's memory; none if that is 0), and throws away everything that is not the stub
// or the vDSO: the three ranges are in rbx/rbp, r13/r14 and r15/r9 as (address, size). The
// outcome is in rax.
        .org UkrunPtraceStubBegin + 0x90
        test %rdx, %rdx
        jz clear
        mov $317, %eax          // seccomp(SECCOMP_SET_MODE_FILTER, 0, rdx)
        mov $1, %edi
        xor %esi, %esi
        syscall
        test %rax, %rax
        jnz cleared
clear:
        mov %rbx, %rdi
        mov %rbp, %rsi
        mov $11, %eax           // munmap
        syscall
        mov %r13, %rdi
        mov %r14, %rsi
        mov $11, %eax
        syscall
        mov %r15, %rdi
        mov %r9, %rsi
        mov $11, %eax
        syscall
cleared:
        int3

// The handler of a fault whose signal frame the tracer wants to read; see fault_unsafe.cc.
        .org UkrunPtraceStubBegin + 0xe0
        int3

UkrunPtraceStubEnd:
        .section .note.GNU-stack, "", @progbits
