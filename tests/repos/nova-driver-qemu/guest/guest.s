# The guest of the tests: one boot sector. It counts its boots on its disk, prints a banner and a tick a second on
# the serial port, says back what it reads there, and turns itself off when the power button is pressed. Its BIOS
# reboots it on ctrl-alt-del. Assembled with DEAF=1 it hears neither the button nor the keys.
        .code16
        .globl  start

        .set    COM1, 0x3f8
        .set    PCI_ADDRESS, 0xcf8
        .set    PCI_DATA, 0xcfc
        # Function 3 of device 1, register 0x40: where the PIIX4 has its power management ports.
        .set    PMBASE, 0x80000b40
        .set    BUFFER, 0x7e00

start:
        ljmp    $0, $entry
entry:
        cli
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $start, %sp
        movb    %dl, drive
        sti

        # The second sector of the disk holds the number of boots.
        movb    $0x42, %ah
        call    disk
        incw    BUFFER
        movb    $0x43, %ah
        call    disk

        movw    $banner, %si
        call    print
        movw    BUFFER, %ax
        call    print_number

        movl    $PMBASE, %eax
        movw    $PCI_ADDRESS, %dx
        outl    %eax, %dx
        movw    $PCI_DATA, %dx
        inl     %dx, %eax
        andw    $0xffc0, %ax
        movw    %ax, power
.if DEAF
        # The keyboard's interrupt is masked.
        inb     $0x21, %al
        orb     $2, %al
        outb    %al, $0x21
.else
        # The status of the power button, bit 8, is set only if the same bit of the next register enables it.
        leaw    2(,%eax), %dx
        movw    $0x100, %ax
        outw    %ax, %dx
.endif

idle:
        hlt
.if !DEAF
        movw    power, %dx
        inw     %dx, %ax
        testb   $1, %ah
        jnz     off

        # Keys that were pressed while the BIOS came up may wait without an interrupt.
keys:
        inb     $0x64, %al
        testb   $1, %al
        jz      line
        int     $0x09
        jmp     keys
line:
.endif
        # The line status says in its lowest bit that something has come.
        movw    $COM1 + 5, %dx
        inb     %dx, %al
        testb   $1, %al
        jz      count
        movw    $COM1, %dx
        inb     %dx, %al
        call    put
count:
        # The timer's interrupt comes 18.2 times a second.
        decb    countdown
        jnz     idle
        movb    $18, countdown
        incw    ticks
        movw    $tick, %si
        call    print
        movw    ticks, %ax
        call    print_number
        jmp     idle

off:
        # State 5 is type 0; bit 13 enters it.
        addw    $4, %dx
        movw    $0x2000, %ax
        outw    %ax, %dx
        hlt

disk:
        movb    drive, %dl
        movw    $packet, %si
        int     $0x13
        ret

print:
        lodsb
        testb   %al, %al
        jz      1f
        call    put
        jmp     print
1:      ret

# Prints %ax in decimal, and ends the line.
print_number:
        movw    $10, %bx
        xorw    %cx, %cx
1:      xorw    %dx, %dx
        divw    %bx
        pushw   %dx
        incw    %cx
        testw   %ax, %ax
        jnz     1b
2:      popw    %ax
        addb    $'0', %al
        call    put
        loop    2b
        movb    $'\r', %al
        call    put
        movb    $'\n', %al

put:
        movw    $COM1, %dx
        outb    %al, %dx
        ret

banner: .asciz  "guest: boot "
tick:   .asciz  "guest: tick "
countdown:
        .byte   18
ticks:  .word   0
power:  .word   0
drive:  .byte   0
        .align  4
packet: .byte   16, 0
        .word   1               # sectors
        .word   BUFFER, 0       # offset and segment
        .quad   1               # the first sector

        .org    510
        .word   0xaa55
