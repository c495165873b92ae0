package ui

import _ "crosspoint.studio/crosspoint/app/ui/internal/locale" // before Fyne looks at the language
